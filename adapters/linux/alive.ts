import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

/** Kernels that run; whoever ends this process ends them. */
const alive = new Set<ChildProcess>();
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
let scratch: string | null = null;

process.on("exit", () => {
  for (const child of alive) killGroup(child);
  if (scratch !== null) rmSync(scratch, { recursive: true, force: true });
});

/** A folder for what running kernels leave lying about. Gone when this process ends. */
export function scratchFolder(): string {
  return (scratch ??= mkdtempSync(join(tmpdir(), "conformance-kernels-")));
}

/** From now on the kernel ends when this process does, however it ends. */
export function watch(child: ChildProcess): void {
  // Only while there is something to end: a handler that is not needed would put a signal off during a build.
  if (alive.size === 0) for (const signal of signals) process.on(signal, end);
  alive.add(child);
}

/** The kernel is gone, or will be. */
export function forget(child: ChildProcess): void {
  alive.delete(child);
  if (alive.size === 0) for (const signal of signals) process.off(signal, end);
}

/** Ends a kernel with all its processes. */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

function end(signal: NodeJS.Signals): void {
  process.exit(128 + constants.signals[signal]);
}
