import { EFAULT, EINVAL, ENOMEM, errnoName } from "../../spec/errno.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const both = ["6.12.117", "7.2.13"];

/** Characters that fit beside the terminator. */
const longestName = 31;

/** The names a buffer may show: several where settings overlapped. */
interface Naming {
  readonly names: Set<string>;
  open: number;
  mixed: boolean;
}

export const life29: Rule = {
  id: "LIFE-29",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Seeking a buffer fd accepts offset 0 only: from the end it returns the size, from the start 0, and anything else answers EINVAL.",
  intent: "User space learns the size this way; any other position would suggest that read and write exist.",
  sources: [
    kernel(core, "dma_buf_llseek", "6.12, 7.2"),
    run(both, "ten offset and origin pairs on own, heap, udmabuf and vgem buffers"),
  ],
  hints: ["Is a nonzero offset refused also where the resulting position would be in range?"],
  monitor: on({
    "ret seek": ({ buffer, offset, whence, errno, result }, state, verdict) => {
      const size = state.buffers.get(buffer)?.size;
      if (size === undefined) return;
      verdict.exercised();
      const asked = `seek of ${buffer} to ${offset} from origin ${whence}`;
      const legal = offset === 0 && (whence === 0 || whence === 2);
      const expected = whence === 2 ? size : 0;
      if (legal && result !== expected) verdict.violated(`${asked} gave ${result} instead of ${expected}`);
      if (!legal && errno !== EINVAL) verdict.violated(`${asked} answered ${errnoName(errno)} instead of EINVAL`);
    },
  }),
  situation: { weights: { seek: 10 } },
  status: checked,
};

export const life31: Rule = {
  id: "LIFE-31",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Setting a debug name stores up to 31 characters whole or fails (EINVAL when longer, EFAULT, ENOMEM) with the old name still in place.",
  intent: "Memory accounting tools group buffers by this name; a cut or half-written one charges the wrong owner.",
  sources: [
    kernel(core, "dma_buf_set_name", "6.12, 7.2"),
    run(both, "lengths 30, 31, 32, 33, 100, empty and bad pointers, in both request forms"),
  ],
  hints: [
    "Is the new name copied completely before the old one is freed?",
    "Does the limit of 32 count the terminator?",
    "Does it succeed while importers are attached? It should (no EBUSY).",
  ],
  monitor: remember(() => new Map<string, Naming>(), {
    "call setName": ({ buffer }, state, _verdict, memory) => {
      const naming = memory.get(buffer) ?? {
        names: new Set([state.buffers.get(buffer)?.name ?? ""]),
        open: 0,
        mixed: false,
      };
      naming.open += 1;
      naming.mixed ||= naming.open > 1;
      memory.set(buffer, naming);
    },
    "ret setName": ({ buffer, name, errno }, _state, verdict, memory) => {
      const naming = memory.get(buffer)!;
      naming.open -= 1;
      if (errno === 0 && name !== null) {
        if (!naming.mixed) naming.names.clear();
        naming.names.add(name);
      }
      naming.mixed &&= naming.open > 0;
      verdict.exercised();
      const expected = name === null ? EFAULT : name.length > longestName ? EINVAL : 0;
      if (errno === expected || (expected === 0 && errno === ENOMEM)) return;
      const what = name === null ? "a bad pointer" : `${name.length} characters`;
      verdict.violated(`naming ${buffer} with ${what} answered ${errnoName(errno)} instead of ${errnoName(expected)}`);
    },
    "ret getName": ({ buffer, name }, _state, verdict, memory) => {
      const naming = memory.get(buffer);
      if (naming === undefined || naming.open > 0) return;
      verdict.exercised();
      if (naming.names.has(name)) return;
      const since = verdict.since("buffers", buffer, "name");
      verdict.violated(`${buffer} shows ${JSON.stringify(name)}, which is not the name it was given`, since);
    },
  }),
  situation: { weights: { setName: 20, getName: 20 }, failures: [{ site: "name", errno: ENOMEM }] },
  status: checked,
};

export const rules: readonly Rule[] = [life29, life31];
