/** A fault of the module's own exporter or importer, which a program switches on. */
export interface ModuleFault {
  /** As in `enum fault` of the module. */
  readonly number: number;
  readonly name: string;
  /** The rule that has to catch it. */
  readonly rule: string;
}

/** What the rules have to notice of exporters and importers in a kernel. */
export const moduleFaults: readonly ModuleFault[] = [
  { number: 1, name: "the exporter hands out addresses between pages", rule: "MAP-09" },
  { number: 2, name: "the exporter maps a page less than the buffer has", rule: "MAP-10" },
  { number: 3, name: "the exporter gives two mappings one address", rule: "MAP-11" },
  { number: 4, name: "the exporter's unmap leaves the device its translation", rule: "MAP-17" },
  { number: 5, name: "the exporter's failed map leaves translations behind", rule: "MAP-23" },
  { number: 6, name: "the exporter maps for no direction at all", rule: "MAP-27" },
  { number: 7, name: "the exporter frees the memory at the first unmap", rule: "LIFE-16" },
  { number: 8, name: "the importer's callback unmaps for another direction", rule: "MAP-14" },
  { number: 9, name: "the importer's callback drops a reference", rule: "MOVE-04" },
];
