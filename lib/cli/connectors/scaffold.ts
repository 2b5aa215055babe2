import { Command, InvalidArgumentError } from 'commander';
import { writeFile } from 'node:fs/promises';
import { scaffoldConnector, type Need, type Scaffold, type ScaffoldOptions } from '../../connect/index.ts';
import { ConfigurationError } from '../../core/errors.ts';
import { exitCodes, nameList, printJson, printLine, tell, UnhealthyError } from '../shared.ts';

interface ScaffoldFlags extends Omit<ScaffoldOptions, 'url' | 'variablePrefix'> {
  readonly variables?: string;
  readonly out?: string;
  readonly json?: true;
}

const partitions = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It is a whole number, 1 or more.');
  return value;
};

const needLine = ({ level, text, sql }: Need): string => `${level}: ${text}${sql === undefined ? '' : `\n    ${sql}`}`;

const explain = ({ reasons, needs, variables }: Scaffold): void => {
  for (const reason of reasons) tell(`chosen: ${reason}`);
  const shown = variables.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`));
  tell(`Connect needs the variables ${shown.join(' ')}`);
  for (const need of needs) tell(needLine(need));
  if (needs.every(({ level }) => level !== 'required')) tell('The database has what the connector needs.');
};

/** Never over a file that is there: somebody may have worked on it. */
const write = (path: string, text: string): Promise<void> =>
  writeFile(path, text, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST' ? new ConfigurationError([`${path} is there already`]) : new ConfigurationError([`${path}: ${error.message}`]);
  });

const scaffold = async (url: string, { variables, out, json, ...flags }: ScaffoldFlags): Promise<void> => {
  const found = await scaffoldConnector({ url, ...flags, ...(variables === undefined ? {} : { variablePrefix: variables }) });
  const text = JSON.stringify(found.connector, null, 2);
  if (out !== undefined) await write(out, `${text}\n`);
  if (json === true) printJson(found);
  else if (out === undefined) printLine(text);
  else printLine(`wrote ${out}`);
  if (json !== true) explain(found);
  if (found.needs.some(({ level }) => level === 'required')) throw new UnhealthyError();
};

export const command = (): Command =>
  new Command('scaffold')
    .description('Writes a connector for tables of a PostgreSQL database, and says what the database still needs. It connects, and changes nothing there. No password is written: the file has placeholders.')
    .argument('<url>', 'postgres://user:password@host:port/database; without a password PGPASSWORD is used')
    .requiredOption('--tables <names>', 'schema.table of each, separated by commas; those that are joined come first', nameList)
    .option('--streams <names>', 'those of them that are only streamed: their topics are not compacted', nameList)
    .option('--signals <table>', 'schema.table in which signals are written, for millrace snapshot and millrace resync')
    .option('--name <name>', "of the connector, its slot and its publication (default: the database's)")
    .option('--topic-prefix <prefix>', "in front of the topics' names (default: the connector's name)")
    .option('--partitions <count>', 'of each topic (default: 4)', partitions)
    .option('--variables <prefix>', 'in front of _HOST, _PORT, _USER, _PASSWORD and _DATABASE (default: MILLRACE_PG)')
    .option('--out <file>', 'write it there, unless the file is there already; else to stdout')
    .option('--json', 'as JSON: { connector, reasons, needs, variables }')
    .addHelpText('after', exitCodes('0  written; the database has what it needs', '1  the database does not answer', '2  wrong usage, a table that does not exist, or the database refuses', '3  written; the database still needs something'))
    .action(scaffold);
