import type { Linux } from "../../adapters/linux/linux.ts";

/** A kernel, or what stands for one, as far as whoever has plans to run needs it. */
export type RunsPlans = Pick<Linux, "introduction" | "renew" | "run">;
