/**
 * Asks the registry for advisories on what the package depends on. Exit code 0: none is critical; 1: some are, and they are
 * named; 77: the registry could not be asked, and why is printed.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const TIMEOUT_MS = 60_000;
const ARGS = ['audit', '--omit=dev', '--audit-level=critical', '--json'];

export const AUDIT_EXIT = { passed: 0, failed: 1, skipped: 77 } as const;

export interface Verdict {
  readonly code: (typeof AUDIT_EXIT)[keyof typeof AUDIT_EXIT];
  readonly text: string;
}

interface Report {
  readonly metadata?: { readonly vulnerabilities?: Readonly<Record<string, number>> };
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>;
  readonly message?: string;
  readonly error?: { readonly summary?: string };
}

const parsed = (output: string): Report => {
  try {
    return JSON.parse(output) as Report;
  } catch {
    return {};
  }
};

/** What `npm audit --json` has written says. */
export const verdictOf = (output: string): Verdict => {
  const report = parsed(output);
  const counts = report.metadata?.vulnerabilities;
  if (counts === undefined) {
    const reason = report.message ?? report.error?.summary ?? (output.trim().slice(0, 200) || 'npm audit wrote nothing');
    // The address is the machine's affair.
    return { code: AUDIT_EXIT.skipped, text: `advisories were not checked: ${reason.replaceAll(/https?:\/\/\S+/g, 'the registry')}` };
  }
  const critical = Object.entries(report.vulnerabilities ?? {}).filter(([, { severity }]) => severity === 'critical').map(([name, { range }]) => `${name} ${range}`);
  if ((counts['critical'] ?? 0) > 0) return { code: AUDIT_EXIT.failed, text: `critical advisories: ${critical.join(', ')}` };
  const others = Object.entries(counts).filter(([severity, count]) => severity !== 'total' && count > 0).map(([severity, count]) => `${count} ${severity}`);
  return { code: AUDIT_EXIT.passed, text: `no critical advisory${others.length === 0 ? '' : ` (${others.join(', ')})`}` };
};

if (import.meta.main) {
  execFile('npm', ARGS, { cwd: ROOT, timeout: TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 }, (error, stdout) => {
    const { code, text } = error?.killed === true ? verdictOf(JSON.stringify({ message: `no answer within ${TIMEOUT_MS / 1000} s` })) : verdictOf(stdout);
    process.stdout.write(`${text}\n`);
    process.exitCode = code;
  });
}
