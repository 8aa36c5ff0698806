/** The vhost that serves every name without a block of its own, and every request that names none. SRS's spelling. */
export const DEFAULT_VHOST = '__defaultVhost__';
