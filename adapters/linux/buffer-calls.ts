import { cpuHooks, type CallArgs, type CpuHook } from "../../spec/calls.ts";
import type { Step } from "../../spec/program.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import { exportsDynamic, exportsForeign, exportsMoving } from "./encode-step.ts";
import type { Slots } from "./slots.ts";

const buffer = ({ buffer: name }: { readonly buffer: string }) => ({ buffer: name });
const attachment = ({ attachment: name }: { readonly attachment: string }) => ({ attachment: name });

function importerOf({ setup }: Slots, name: string) {
  return setup.importers.find((entry) => entry.name === name)!;
}

/** The exporter of a buffer of the set-up. */
export function exporterOf({ setup }: Slots, name: string): string {
  return setup.buffers.find((entry) => entry.name === name)?.exporter ?? "program";
}

const unmapOf = ({ mapping, direction }: Step<"unmap" | "unmapUnlocked">, slots: Slots) => ({
  attachment: slots.made("mapping", mapping)?.attachment ?? null,
  mapping,
  direction,
  altered: false,
});

/** Which hooks for the CPU the module's exporter has. */
function cpuHooksOf(step: Step<"export">, slots: Slots): readonly CpuHook[] {
  if (step.missing.includes("ops")) return [];
  const foreign = exportsForeign(step, slots);
  if (foreign !== undefined) return cpuHooks.filter((hook) => foreign !== "vgem" || !hook.endsWith("Cpu"));
  if (exportsMoving(step, slots)) return ["mmap"];
  return exportsDynamic(step, slots) ? [] : cpuHooks;
}

type BufferCall =
  | "export"
  | "exportFd"
  | "close"
  | "get"
  | "getRef"
  | "put"
  | "invalidate"
  | "seek"
  | "attach"
  | "detach"
  | "pin"
  | "unpin"
  | "map"
  | "mapUnlocked"
  | "unmap"
  | "unmapUnlocked"
  | "isRevocable";

/** Arguments of the calls about buffers as a history records them. */
export const bufferCalls: { readonly [K in BufferCall]: (step: Step<K>, slots: Slots) => CallArgs[K] } = {
  export: (step, slots) => {
    const { size, resv, exporter } = slots.setup.buffers.find((entry) => entry.name === step.buffer)!;
    const foreign = exportsForeign(step, slots);
    // These two want to know who attaches.
    const followed = foreign === "systemHeap" || foreign === "vgem";
    const dynamic = foreign === undefined && exportsDynamic(step, slots) && !step.missing.includes("ops");
    const missing = ["priv", "ops", "map", "unmap", "release"].filter((item) =>
      (step.missing as readonly string[]).includes(item),
    );
    return {
      buffer: step.buffer,
      exporter,
      // Heaps and graphics give whole pages.
      size: followed ? Math.ceil(size / pageSize) * pageSize : size,
      missing,
      attach: followed || (slots.revokeWaits && exportsMoving(step, slots)),
      detach: followed,
      pin: dynamic && !step.missing.includes("pin"),
      unpin: dynamic && !step.missing.includes("unpin"),
      caching:
        (step.caching && !step.missing.includes("ops")) ||
        ((foreign === "udmabuf" || foreign === "vgem") && slots.caches),
      resv,
      cpuHooks: cpuHooksOf(step, slots),
    };
  },
  exportFd: ({ buffer: name, fd, closeOnExec }) => ({ buffer: name, fd, closeOnExec }),
  close: ({ fd }) => ({ fd }),
  get: ({ fd }) => ({ fd, buffer: null }),
  getRef: buffer,
  put: buffer,
  invalidate: buffer,
  seek: ({ buffer: name, offset, whence }) => ({ buffer: name, offset, whence }),
  attach: (step, slots) => {
    const importer = importerOf(slots, step.importer);
    const device = step.noDevice ? undefined : slots.setup.devices.find((entry) => entry.name === importer.device);
    return {
      buffer: step.buffer,
      device: device?.name ?? null,
      importer: step.importer,
      attachment: step.attachment,
      ops: importer.ops,
      allowPeer2peer: importer.ops !== "static" && importer.allowPeer2peer,
      dmaMask: device === undefined ? 0 : 2 ** device.dmaBits - 1,
      maxSegment: device?.maxSegment ?? 0,
    };
  },
  detach: (step) => ({ buffer: step.buffer, attachment: step.attachment, altered: false }),
  pin: attachment,
  unpin: attachment,
  map: ({ attachment: name, direction, mapping }) => ({ attachment: name, direction, mapping }),
  mapUnlocked: ({ attachment: name, direction, mapping }) => ({ attachment: name, direction, mapping }),
  unmap: unmapOf,
  unmapUnlocked: unmapOf,
  isRevocable: attachment,
};

/** The role instance that makes a step's call. */
export function callerOf(step: Step, slots: Slots): string {
  switch (step.op) {
    case "export":
    case "exportFd":
    case "invalidate":
      return exporterOf(slots, step.buffer);
    case "attach":
      return step.importer;
    case "detach":
    case "pin":
    case "unpin":
    case "map":
    case "mapUnlocked":
      return importerOfAttachment(step.attachment, slots);
    case "unmap":
    case "unmapUnlocked":
      return importerOfAttachment(slots.made("mapping", step.mapping)?.attachment ?? null, slots);
    default:
      return "program";
  }
}

/** The importer that made an attachment; the program where there is none. */
export function importerOfAttachment(name: string | null, slots: Slots): string {
  return name === null ? "program" : (slots.made("attachment", name)?.importer ?? "program");
}
