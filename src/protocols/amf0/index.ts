/** AMF0: the values of RTMP commands and metadata. Spec: Action Message Format AMF0, Adobe 2007. */
export { Amf0Reader, readAmf0 } from './reader.ts';
export { encodeAmf0, sizeOfAmf0, writeAmf0At } from './writer.ts';
// The value model is common to AMF0 and AMF3.
export {
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
} from '../amf3/index.ts';
export type { AmfInput, AmfValue } from '../amf3/index.ts';
