export { MAX_BAN_FILE_BYTES, type BanStore } from './bans/ban-file.ts';
export { MAX_BAN_SECONDS, type Ban, type BanWish } from './bans/ban.ts';
export {
  Bans,
  type BannableSession,
  type BanObserver,
  type BansOptions,
  type IdleConnection,
} from './bans/bans.ts';
export { GrantedLimits } from './granted-limits.ts';
export { ClientLimits, type LimitOptions } from './limits.ts';
export { ReferPolicy, type ReferOptions } from './refer.ts';
export { SecurityPolicy, type SecurityOptions } from './security.ts';
