/** Objects of the API, as far as they are shown. `docs/api.md` tells of all fields. */

export interface Kbps {
  readonly recv_30s: number;
  readonly send_30s: number;
}

export interface Summary {
  readonly ok: boolean;
  readonly self?: {
    readonly version: string;
    readonly cpu_percent: number;
    readonly mem_kbyte: number;
    readonly srs_uptime: number;
  };
  readonly system?: {
    readonly cpu_percent: number;
    readonly mem_ram_percent: number;
    readonly load_1m: number;
    readonly conn_srs: number;
  };
}

export interface Vhost {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly clients: number;
  readonly streams: number;
  readonly kbps: Kbps;
}

export interface Stream {
  readonly id: string;
  readonly name: string;
  readonly vhost: string;
  readonly app: string;
  readonly url: string;
  readonly clients: number;
  readonly kbps: Kbps;
  readonly publish: { readonly active: boolean; readonly started_ms: number };
  readonly video: { readonly codec: string; readonly width: number; readonly height: number } | null;
  readonly audio: { readonly codec: string; readonly sample_rate: number } | null;
}

export interface Client {
  readonly id: string;
  readonly ip: string;
  readonly url: string;
  readonly kind: string;
  readonly publish: boolean;
  readonly alive: number;
  readonly kbps: Kbps;
  readonly queue_ms: number;
  readonly drops: number;
}

export interface Ban {
  readonly id: string;
  readonly ip: string;
  readonly stream: string;
  readonly action: string;
  readonly reason: string;
  readonly expires_ms: number;
}

export interface ShownEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly at_ms: number;
  /** The other fields, as they came. */
  readonly fields: Readonly<Record<string, unknown>>;
}
