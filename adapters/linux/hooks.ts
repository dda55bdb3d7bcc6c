import { directions, unwrapped } from "./encode-step.ts";
import { pollerOf } from "./call-args.ts";
import { addressed, addressName, type Naming } from "./results.ts";
import type { Slots } from "./slots.ts";

/** A hook's arguments and answers, and who was called. */
export interface DecodedHook {
  readonly to: string;
  readonly args: object;
  readonly answers: object;
}

const unlimited = 2 ** 62;

/** Reads the numbers of a hook's line. Throws an Error for a hook that no history has. */
export function decodeHook(name: string, numbers: readonly number[], naming: Naming, slots: Slots): DecodedHook {
  const [first = -1, second = 0, third = 0, fourth = 0] = numbers;
  const to = "program";
  const { memory } = naming;
  switch (name) {
    case "enableSignaling":
    case "signaled":
      return { to, args: { fence: naming.fence(first) }, answers: { answer: second === 1 } };
    case "fenceRelease":
      return { to, args: { fence: naming.fence(first) }, answers: {} };
    case "fenceDeadline":
      return { to, args: { fence: naming.fence(first), deadline: second }, answers: {} };
    case "fenceWait": {
      const timeout = third > unlimited ? Number.MAX_SAFE_INTEGER : third;
      const args = { fence: naming.fence(first), interruptible: second === 1, timeout };
      return { to, args, answers: { result: fourth > unlimited ? Number.MAX_SAFE_INTEGER : fourth } };
    }
    case "callback":
      return {
        to,
        args: { fence: naming.fence(first), callback: slots.name("callback", second) ?? `callback${second}` },
        answers: {},
      };
    case "map": {
      const { attachment, exporter } = memory.attachment(first);
      const args = { attachment, direction: directions[second] };
      return { to: exporter, args, answers: memory.table(attachment, numbers.slice(2)) };
    }
    case "unmap": {
      const { attachment, exporter } = memory.attachment(first);
      return {
        to: exporter,
        args: { attachment, direction: directions[second], table: memory.tableName(third) },
        answers: {},
      };
    }
    case "pin":
    case "unpin": {
      const { attachment, exporter } = memory.attachment(first);
      return { to: exporter, args: { attachment }, answers: {} };
    }
    case "invalidate": {
      const { attachment, importer } = memory.attachment(first);
      return { to: importer, args: { attachment }, answers: {} };
    }
    case "attach": {
      const { attachment, exporter } = memory.attachment(first);
      const args = { buffer: memory.buffer(second), attachment, peer2peer: third === 1 };
      return { to: exporter, args, answers: {} };
    }
    case "detach": {
      const { attachment, exporter } = memory.attachment(first);
      return { to: exporter, args: { buffer: memory.buffer(second), attachment }, answers: {} };
    }
    case "beginCpu":
    case "endCpu": {
      const args = { buffer: memory.buffer(first), direction: directions[second] };
      return { to: memory.exporterOf(first), args, answers: {} };
    }
    case "mmap": {
      const args = {
        buffer: memory.buffer(first),
        view: slots.name("view", second) ?? `view${second}`,
        offset: unwrapped(third),
        pages: fourth,
        shared: numbers[4] === 1,
      };
      return { to: memory.exporterOf(first), args, answers: {} };
    }
    case "cpuFault": {
      const view = slots.name("view", second) ?? `view${second}`;
      return { to: memory.exporterOf(first), args: { buffer: memory.buffer(first), view, page: third }, answers: {} };
    }
    case "vmap":
      return {
        to: memory.exporterOf(first),
        args: { buffer: memory.buffer(first) },
        answers: addressed(numbers.slice(1)),
      };
    case "vunmap": {
      const args = { buffer: memory.buffer(first), address: addressName(second) };
      return { to: memory.exporterOf(first), args, answers: {} };
    }
    case "pollWake":
      return {
        to,
        args: { poller: pollerOf(naming.stepAt(first)), input: second === 1, output: third === 1 },
        answers: {},
      };
    case "release":
      return { to: memory.exporterOf(first), args: { buffer: memory.buffer(first) }, answers: {} };
    default:
      throw new Error(`the module tells of a hook named ${name}, which no history has`);
  }
}
