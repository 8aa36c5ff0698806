/** AMF3, and the value model that it shares with AMF0. Spec: Action Message Format AMF3, Adobe 2013. */
export { AmfInputBytes } from './input.ts';
export { Amf3Reader, readAmf3 } from './reader.ts';
export { encodeAmf3, sizeOfAmf3, writeAmf3At } from './writer.ts';
export {
  AmfBudget,
  AmfBytes,
  AmfDate,
  AmfDictionary,
  AmfEcmaArray,
  AmfExternal,
  AmfObject,
  AmfProperties,
  AmfUnsupported,
  AmfVector,
  AmfXml,
  amfEcmaArray,
  amfObject,
  isAmfArray,
  MAX_AMF_DEPTH,
  MAX_AMF_TEXT_BYTES,
  MAX_AMF_VALUES,
  ReferenceTable,
} from './value.ts';
export type { AmfInput, AmfValue } from './value.ts';
