export { JwksSource } from './jwks-source.ts';
export { MAX_KEY_FILE_BYTES, readPublicKeys, type JwtKey } from './public-keys.ts';
export { signedQuery, type SignedText } from './signature.ts';
export { MAX_STREAM_KEY_FILE_BYTES, StreamKeyTable } from './stream-keys.ts';
export { TokenPolicy, type Proof, type TokenOptions } from './token-policy.ts';
