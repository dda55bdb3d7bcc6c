import { answering, record } from "../call-record.ts";
import { mappingModels } from "../roles/mapping-model.ts";

/** Negotiation of how a buffer is mapped and what may happen to it. */
export const negotiationCalls = {
  negotiate: answering(
    { importer: "name", buffer: "name", attachment: "name", accept: "names", device: "name", allowPeer2peer: "flag" },
    { model: "nameOrNull", offered: "names" },
    (of) => `negotiate ${of.buffer} for ${of.importer} as ${of.attachment}: ${of.accept.join(" or ") || "nothing"}`,
  ),
} as const;

/** The exporter's say about one of its models. */
export const negotiationHooks = {
  match: record(
    { buffer: "name", device: "name", model: mappingModels, allowPeer2peer: "flag" },
    (of) => `does ${of.model} of ${of.buffer} suit ${of.device}?`,
  ),
} as const;
