import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MachineOptions } from "../../adapters/linux/machine.ts";
import { linuxOperations } from "../../adapters/linux/encode-step.ts";

/** What a fake kernel does with its batches: answers nothing happened, says nothing, dies at each or at the first ever. */
export type Behaviour = "quiet" | "hangs" | "dies" | "diesOnce" | "neverStarts";

const introduction = [
  ...[...linuxOperations].map((name) => `operation ${name}`),
  "hook callback",
  "fact lockdep 1",
  "fact kasan 0",
  "fact moveNotify on",
  "fact version 6.12.99",
].join("\n");

/** The agent's side of the line, in a process that stands for a kernel. */
function script(behaviour: Behaviour): string {
  return `#!${process.execPath}
const fs = process.getBuiltinModule("fs");
const net = process.getBuiltinModule("net");
const root = process.argv.find((word) => word.startsWith("rootflags=")).slice("rootflags=".length);
const behaviour = ${JSON.stringify(behaviour)};
const die = () => { console.log("this kernel stops"); process.kill(process.pid, "SIGKILL"); };
if (behaviour === "neverStarts") process.exit(1);
fs.appendFileSync(root + "/started", process.pid + "\\n");
const line = new net.Socket({ fd: 3 });
const programs = (text) => text.split("\\n").filter((entry) => entry.startsWith("P "));
line.setEncoding("utf8");
line.on("data", (text) => {
  for (const command of text.trim().split("\\n")) {
    const [word, first, second] = command.split(" ");
    if (word === "read") fs.writeFileSync(root + first, ${JSON.stringify(introduction)});
    else if (behaviour === "hangs") return;
    else if (behaviour === "dies") die();
    else if (behaviour === "diesOnce" && !fs.existsSync(root + "/died")) {
      fs.writeFileSync(root + "/died", "");
      die();
    } else {
      const answers = programs(fs.readFileSync(root + first, "utf8")).map((entry) => entry + "\\nV 0 1 0 0 0\\n");
      fs.writeFileSync(root + second, answers.join(""));
    }
    line.write("done 1\\n");
  }
});
line.on("end", () => process.exit(0));
line.write("hello fake 1\\n");
`;
}

/** A folder with a program that takes a kernel's place, so that what surrounds kernels is tested where none is built. */
export class FakeKernel {
  readonly folder = mkdtempSync(join(tmpdir(), "fake-kernel-"));
  readonly options: MachineOptions;

  constructor(behaviour: Behaviour) {
    const kernel = join(this.folder, "linux");
    const root = join(this.folder, "root");
    mkdirSync(join(root, "batch"), { recursive: true });
    writeFileSync(kernel, script(behaviour));
    chmodSync(kernel, 0o755);
    this.options = { kernel, root, startDeadline: 20_000, batchDeadline: 400 };
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
