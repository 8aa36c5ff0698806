/** The viewers of a feed with the same time base, who share the bytes of a window even where these depend on the base. */
export class Cohort {
  readonly base: number;
  viewers = 0;
  /** The window that was cut last, log positions, and its bytes. */
  from = -1;
  to = -1;
  bytes: Buffer = NOTHING;

  constructor(base: number) {
    this.base = base;
  }
}

const NOTHING = Buffer.alloc(0);

/** Who is in a cohort. */
interface Member {
  base: number | undefined;
  cohort: Cohort | undefined;
}

/** The cohorts of a feed, by their base. */
export class Cohorts {
  readonly #byBase = new Map<number, Cohort>();

  /** Puts a viewer into the cohort of a base, out of the one that it was in. */
  enter(viewer: Member, base: number): void {
    if (viewer.cohort?.base === base && this.#byBase.get(base) === viewer.cohort) return;
    this.leave(viewer);
    let cohort = this.#byBase.get(base);
    if (cohort === undefined) {
      cohort = new Cohort(base);
      this.#byBase.set(base, cohort);
    }
    cohort.viewers += 1;
    viewer.base = base;
    viewer.cohort = cohort;
  }

  /** A cohort that nobody is in is forgotten. */
  leave(viewer: Member): void {
    const cohort = viewer.cohort;
    if (cohort === undefined) return;
    viewer.cohort = undefined;
    cohort.viewers -= 1;
    if (cohort.viewers === 0) this.#byBase.delete(cohort.base);
  }
}
