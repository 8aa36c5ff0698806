/** What a vhost's `hds` block says. SRS's directive names are in brackets. */
export interface HdsOptions {
  /** [hds_fragment] Least length of a fragment; it ends with the next keyframe. Media ms. */
  readonly fragmentMs: number;
  /** [hds_window] Length of what is listed, ms. */
  readonly windowMs: number;
  /** [hds_path] The folder that no file leaves. */
  readonly path: string;
  /** [utc_time] Dates in names are UTC. */
  readonly utc: boolean;
}
