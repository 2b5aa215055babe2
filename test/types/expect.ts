/** True when the two types are the same, `any` and `never` included; optional and readonly properties count. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only when `A` and `B` are the same type: `sameType<A, B>(true)`. */
export const sameType = <A, B>(same: Equal<A, B>): void => void same;
