import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { limitCommands } from "../../kernel/build/command.ts";
import { alone } from "../../kernel/build/lock.ts";

let cache = "";
const before = process.env["DMABUF_CONFORMANCE_CACHE"];

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "conformance-cache-"));
  process.env["DMABUF_CONFORMANCE_CACHE"] = cache;
});

afterEach(() => {
  limitCommands(null);
  if (before === undefined) delete process.env["DMABUF_CONFORMANCE_CACHE"];
  else process.env["DMABUF_CONFORMANCE_CACHE"] = before;
  rmSync(cache, { recursive: true, force: true });
});

const lock = () => join(cache, "lock");

describe("one build at a time", () => {
  it("has a lock that is gone afterwards, also after a failure", () => {
    expect(alone(() => existsSync(lock()))).toBe(true);
    expect(() =>
      alone(() => {
        throw new Error("it does not build");
      }),
    ).toThrow("it does not build");
    expect(readdirSync(cache)).toEqual([]);
  });

  it("waits for another that builds, and goes on when that one has ended", () => {
    const script = `setTimeout(() => process.getBuiltinModule("fs").rmSync(${JSON.stringify(lock())}), 600)`;
    const other = spawn(process.execPath, ["-e", script], { stdio: "ignore" });
    writeFileSync(lock(), `${other.pid}\n`);
    const begun = performance.now();
    alone(() => undefined);
    expect(performance.now() - begun).toBeGreaterThan(300);
  });

  it("takes the place of one that was killed", () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    writeFileSync(lock(), `${pid}\n`);
    writeFileSync(`${lock()}.${pid}`, `${pid}\n`);
    expect(alone(() => "built")).toBe("built");
    expect(readdirSync(cache)).toEqual([]);
  });

  it("waits no longer than it may", () => {
    writeFileSync(lock(), `${process.pid}\n`);
    limitCommands(0.5);
    expect(() => alone(() => "built")).toThrow(/longer than the 0\.5 s allowed/);
    expect(readdirSync(cache)).toEqual(["lock"]);
  });
});
