import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder } from "./cache.ts";
import { checkLimit } from "./command.ts";

/** Milliseconds between two looks whether the other has ended. */
const pause = 200;

/**
 * Does something that nobody else may do in this cache at the same time: fetch, unpack, build. Whoever comes second
 * waits, and says so; what somebody left who was killed is nobody's. Throws Skipped where the time allowed is up.
 */
export function alone<T>(work: () => T): T {
  const lock = join(cacheFolder(), "lock");
  const own = `${lock}.${process.pid}`;
  let told = false;
  writeFileSync(own, `${process.pid}\n`);
  try {
    while (!taken(own, lock)) {
      checkLimit();
      const holder = holderOf(lock);
      if (holder === null) rmSync(lock, { force: true });
      else if (!told) {
        process.stderr.write(`process ${holder} builds in ${cacheFolder()}; waiting for it\n`);
        told = true;
      } else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
    }
    removeLeft(lock);
    try {
      return work();
    } finally {
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** Whether the lock is ours now: a file that is there at once with all that is in it. */
function taken(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** The process that has the lock, null where it is gone. */
function holderOf(lock: string): number | null {
  try {
    const holder = Number(readFileSync(lock, "utf8"));
    return isAlive(holder) ? holder : null;
  } catch {
    return null;
  }
}

/** Whether there is a process of this number. */
export function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    // Somebody else's process is one as well.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** What those left who were killed while they waited. */
function removeLeft(lock: string): void {
  for (const name of readdirSync(dirname(lock))) {
    const path = join(dirname(lock), name);
    if (/^lock\.\d+$/.test(name) && holderOf(path) === null) rmSync(path, { force: true });
  }
}
