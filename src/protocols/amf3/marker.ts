/** Type markers. Spec: AMF3, 3.1. */
export const MARKER3 = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  integer: 4,
  double: 5,
  string: 6,
  xmlDocument: 7,
  date: 8,
  array: 9,
  object: 10,
  xml: 11,
  byteArray: 12,
  vectorInt: 13,
  vectorUint: 14,
  vectorDouble: 15,
  vectorObject: 16,
  dictionary: 17,
} as const;

/** Integers that fit 29 bits, signed; others are written as doubles. Spec: AMF3, 3.6. */
export const MIN_INT29 = -0x1000_0000;
export const INT29_MAX = 0x0fff_ffff;
export const U29_MAX = 0x1fff_ffff;

/** Externalizable classes whose body is one AMF3 value (Flex collections). The body of any other cannot be known. */
export const KNOWN_EXTERNALS: ReadonlySet<string> = new Set([
  'flex.messaging.io.ArrayCollection',
  'flex.messaging.io.ArrayList',
  'flex.messaging.io.ObjectProxy',
]);
