import { expect } from 'chai';
import { describe, it } from 'mocha';
import { definitions, readConfig } from '../../lib/core/config.ts';
import { ConfigurationError } from '../../lib/core/errors.ts';

describe('a setting that is wrong', () => {
  for (const [variable, value] of [['MILLRACE_REGISTRY_URL', 'user:s3cretpw@h:8081'], ['MILLRACE_REGISTRY_URL', 'http://u:s3cretpw@h:port'], ['MILLRACE_BIGQUERY_ENDPOINT', 's3cretpw@h'], ['MILLRACE_KAFKA_BROKERS', 'user:s3cretpw@h:9092']] as const) {
    it(`is named without what may be a password: ${variable}=${value}`, () => {
      expect(() => readConfig({ [variable]: value })).to.throw(ConfigurationError, new RegExp(`^${variable} must be (?!.*s3cret).*; what it holds is not shown`));
    });
  }

  it('is shown where there can be none', () => {
    expect(() => readConfig({ MILLRACE_REGISTRY_URL: 'h:8081', MILLRACE_COMMIT_RECORDS: 'many' })).to.throw(ConfigurationError, /MILLRACE_REGISTRY_URL must be an http URL, not 'h:8081'.*MILLRACE_COMMIT_RECORDS must be a whole number from 1 to 1000000, not 'many'/s);
  });

  it('is not shown of any variable', () => {
    for (const { variable } of Object.values(definitions)) {
      try {
        readConfig({ [variable]: 'x://user:s3cretpw@h:1' });
      } catch (error) {
        expect((error as Error).message, variable).not.to.contain('s3cretpw');
      }
    }
  });
});
