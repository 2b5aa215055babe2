/** Freezes plain data all the way down and returns it. Dates and bytes cannot be frozen and stay as they are. */
export const frozen = <T>(value: T): T => {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value) || value instanceof Date || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) frozen(part);
  return value;
};
