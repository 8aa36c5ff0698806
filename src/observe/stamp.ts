/** The time of day, Unix ms. */
export interface WallClock {
  now(): number;
}

/** The time of a line as text. What stands before the milliseconds is made once a second. */
export class Stamp {
  readonly #clock: WallClock;
  #utc: boolean;
  #second = -1;
  /** `YYYY-MM-DDTHH:MM:SS` and the offset from UTC, `Z` or `+HH:MM`. */
  #iso = '';
  #srs = '';
  #offset = '';

  constructor(clock: WallClock, utc: boolean) {
    this.#clock = clock;
    this.#utc = utc;
  }

  /** [utc_time] Whether the time is shown in UTC instead of the zone of the machine. */
  set utc(utc: boolean) {
    this.#utc = utc;
    this.#second = -1;
  }

  /** `YYYY-MM-DD HH:MM:SS.mmm`, as SRS writes it. */
  srs(): string {
    const ms = this.#read();
    return `${this.#srs}.${ms}`;
  }

  /** `YYYY-MM-DDTHH:MM:SS.mmm+HH:MM`, or with `Z` in UTC: ISO 8601 and RFC 3339. */
  iso(): string {
    const ms = this.#read();
    return `${this.#iso}.${ms}${this.#offset}`;
  }

  /** Looks at the clock and returns the three digits of the milliseconds. */
  #read(): string {
    const ms = Math.floor(this.#clock.now());
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) this.#render(second);
    return String(ms - second * 1000).padStart(3, '0');
  }

  #render(second: number): void {
    this.#second = second;
    const at = new Date(second * 1000);
    const minutesEast = this.#utc ? 0 : -at.getTimezoneOffset();
    // Local time by shifting the instant, so that one formatter serves both.
    this.#iso = new Date(at.getTime() + minutesEast * 60_000).toISOString().slice(0, 19);
    this.#srs = this.#iso.replace('T', ' ');
    this.#offset = this.#utc ? 'Z' : offsetText(minutesEast);
  }
}

function offsetText(minutesEast: number): string {
  const minutes = Math.abs(Math.round(minutesEast));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${minutesEast < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
