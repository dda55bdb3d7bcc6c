/** CPU seconds this process has used, all its threads counted in. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The middle value; of two middle ones the upper. 0 for none. */
export function median(values: readonly number[]): number {
  return values.toSorted((first, second) => first - second)[values.length >> 1] ?? 0;
}

/**
 * The least nanoseconds each of several jobs takes, summed. Jobs take turns, so that whoever disturbs the machine
 * disturbs all alike, and the least is what is left without the disturbance.
 */
export function leastOfEach(jobs: readonly (() => void)[], rounds: number): number {
  const least = jobs.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round += 1)
    jobs.forEach((job, index) => {
      const started = performance.now();
      job();
      least[index] = Math.min(least[index]!, performance.now() - started);
    });
  return least.reduce((sum, time) => sum + time, 0) * 1e6;
}
