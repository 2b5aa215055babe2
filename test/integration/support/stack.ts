import { attach as attachStack, type Stack } from '../../../lib/stack/index.ts';

/** The stack that the test runner brought up. */
export const attach = async (): Promise<Stack> => {
  const dir = process.env.MILLRACE_STACK_DIR;
  if (dir === undefined) throw new Error('Integration tests need the stack that their runner brings up: npm run test:integration');
  return attachStack({ dir });
};

export const stack = await attach();
