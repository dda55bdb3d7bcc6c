import type { Env } from "../../spec/roles/env.ts";
import type { Blocking, Suspension } from "../../spec/roles/suspendable.ts";
import { awaitable } from "../settle.ts";
import type { World } from "../world.ts";
import { BufferEnv } from "./buffer-env.ts";
import { CpuEnv } from "./cpu-env.ts";
import { DirectEnv } from "./direct-env.ts";
import { KernelEnv } from "./kernel-env.ts";
import { NegotiationEnv } from "./negotiation-env.ts";
import { RecordedEnv } from "./recorded-env.ts";
import { ReservationEnv } from "./reservation-env.ts";
import { SpaceEnv } from "./space-env.ts";
import { SyncEnv } from "./sync-env.ts";

/** Generators that the methods of the env classes share; nobody else calls them. */
const internal: ReadonlySet<string> = new Set([
  "plain",
  "released",
  "mapping",
  "unmapping",
  "bracket",
  "vmapping",
  "vunmapping",
  "mapUser",
]);

/** `Env` with the awaitable half of each blocking call left off: what the classes below declare. */
type Unawaited<E> = {
  [K in keyof E]: E[K] extends (...args: infer A) => Blocking<infer T>
    ? (...args: A) => Generator<Suspension, T, unknown>
    : E[K];
};

type BlockingMethod = (
  this: KernelEnv,
  a: unknown,
  b: unknown,
  c: unknown,
  d: unknown,
  e: unknown,
  f: unknown,
) => Generator<Suspension, unknown, unknown>;

/**
 * Makes every generator method of the env classes awaitable, and counts each call that is made,
 * so that one that nobody waits for is noticed.
 */
for (const prototype of [
  KernelEnv.prototype,
  BufferEnv.prototype,
  CpuEnv.prototype,
  ReservationEnv.prototype,
  SpaceEnv.prototype,
  NegotiationEnv.prototype,
  RecordedEnv.prototype,
  SyncEnv.prototype,
])
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const method = Object.getOwnPropertyDescriptor(prototype, name)?.value as BlockingMethod | undefined;
    if (typeof method !== "function" || method.constructor.name !== "GeneratorFunction") continue;
    awaitable(method as never);
    const counted = function (this: KernelEnv, a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown) {
      this.world.scheduler.current.callsMade += 1;
      return method.call(this, a, b, c, d, e, f);
    };
    // What an unlock returns is only an offer to pause; leaving it unused is fine.
    if (internal.has(name)) continue;
    Object.defineProperty(prototype, name, { value: counted });
  }

/** The env of an exporter, an importer, or the program itself. */
export function recordedEnv(world: World, by: string): Env {
  const env: Unawaited<Env> = new SyncEnv(world, by);
  return env as Env;
}

/** The env of the framework's own parts. */
export function directEnv(world: World): Env {
  return new DirectEnv(world, "framework") as unknown as Env;
}
