import { Bench } from "tinybench";

const size = 64;
const loops = 1000;

/** Nanoseconds of one `Map.get` + `Map.set` pair on a small map with string keys: the unit of everything else here. */
export function mapPair(rounds: number): number {
  const keys = Array.from({ length: size }, (_, index) => `key${index}`);
  const map = new Map(keys.map((key) => [key, 0]));
  const bench = new Bench({ time: 0, iterations: rounds, warmup: true, warmupIterations: rounds, warmupTime: 0 });
  bench.add("pair", () => {
    for (let index = 0; index < loops; index += 1) {
      const key = keys[index % size]!;
      map.set(key, map.get(key)! + 1);
    }
  });
  bench.runSync();
  const { result } = bench.tasks[0]!;
  if (result.state !== "completed") throw new Error(`the map pair was not measured: ${result.state}`);
  return (result.latency.min * 1e6) / loops;
}
