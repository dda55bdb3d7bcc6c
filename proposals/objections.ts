/** A position taken in the threads, and what the suite says to it. */
export interface Objection {
  /** Row of the catalog's second part. */
  readonly id: string;
  /** In our words. */
  readonly position: string;
  readonly who: string;
  /** What the rules and proposals show; where there are none, why it is not a matter of programs. */
  readonly answer: string;
  /** Rules of the registry that carry it. */
  readonly rules: readonly string[];
  /** Proposals that show it, by name. */
  readonly proposals: readonly string[];
}

const konig = "Christian König";
const gunthorpe = "Jason Gunthorpe";
const murphy = "Robin Murphy";
const vetter = "Simona Vetter";

/** All of them, in the catalog's order. */
export const objections: readonly Objection[] = [
  {
    id: "PO-01",
    position: "Importers get DMA addresses, and neither pages nor page frames.",
    who: konig,
    answer:
      "The default: tables have addresses and lengths only. Given out without a lifetime, page frames break three rules.",
    rules: ["MAP-12", "MAP-31"],
    proposals: ["get-pfn"],
  },
  {
    id: "PO-02",
    position: "Only the exporter knows how its buffer is reached, so it maps.",
    who: konig,
    answer:
      "Holds in every profile. An importer that maps page frames has nothing for memory without them, and does not know that a guest shares memory with its host.",
    rules: ["MAP-31"],
    proposals: ["exporter-maps", "importer-maps"],
  },
  {
    id: "PO-03",
    position:
      "To map in the importer is how the DMA API is meant, and maps by exporters are why peer-to-peer works badly.",
    who: gunthorpe,
    answer:
      "What an importer enters into a table of its own is clean where lock, fence and callback say how long it is good; a bare page frame is not enough to map with.",
    rules: ["NEG-18", "NEG-19"],
    proposals: ["importer-maps", "get-pfn-fenced"],
  },
  {
    id: "PO-04",
    position: "A page frame covers what the CPU can address, and some memory only devices see.",
    who: konig,
    answer:
      "Such memory is refused by page frame and served by address; a number made up for it leads into somebody else's memory.",
    rules: ["MAP-32", "NEG-13"],
    proposals: ["importer-maps", "importer-maps-guessed", "exporter-maps"],
  },
  {
    id: "PO-05",
    position: "A getter for page frames is no good interface, but IOMMU and KVM need something that tells the place.",
    who: gunthorpe,
    answer: "No rule asks for a getter. A list of physical ranges with lock, callback and end does what it was for.",
    rules: ["NEG-18"],
    proposals: ["get-pfn", "get-pfn-fenced"],
  },
  {
    id: "PO-06",
    position:
      "A scatterlist describes page-backed memory and nothing else, and was a mistake as a carrier of addresses.",
    who: `${gunthorpe} and ${konig}`,
    answer:
      "A mapping here is a list of segments with marks, and has no field for a page. One list for both kinds is what breaks.",
    rules: ["MAP-12", "P2P-16"],
    proposals: ["dma-list-untyped"],
  },
  {
    id: "PO-07",
    position:
      "Page frames belong to notifiers and do not go with pin and move. Against it: who follows the VMA and who follows the memory are two things.",
    who: `${konig} against ${gunthorpe}`,
    answer:
      "Both are followed, each on its own: page frames under lock, fence and callback are clean, and so is a notifier with its second look.",
    rules: ["LIFE-27", "MMUN-24"],
    proposals: ["get-pfn-fenced", "follow-pfn"],
  },
  {
    id: "PO-08",
    position: "KVM and Xen do peer-to-peer by follow_pfn and a notifier, with no change to dma-buf.",
    who: konig,
    answer:
      "So it does, as long as the sequence is looked at again and memory may be mapped by a CPU; without either it does not.",
    rules: ["MMUN-24"],
    proposals: ["follow-pfn", "follow-pfn-no-retry", "follow-pfn-private"],
  },
  {
    id: "PO-09",
    position: "Private memory must not be mapped by a CPU, so a VMA cannot carry it.",
    who: gunthorpe,
    answer: "The CPU gets a page-table entry for it as soon as somebody faults on such a VMA.",
    rules: ["CPU-26", "FAULT-12"],
    proposals: ["follow-pfn-private", "secure-unmarked"],
  },
  {
    id: "PO-10",
    position: "That page frames flow without VMAs does not yet keep anybody from a machine check.",
    who: gunthorpe,
    answer:
      "Described as any other memory it is touched by DMA, by the CPU, and moved out; with a provider that fits nobody else all of it is refused.",
    rules: ["P2P-32", "ATT-26"],
    proposals: ["secure-unmarked", "secure-provider"],
  },
  {
    id: "PO-11",
    position: "Peer-to-peer needs ATS, on some configurations. Against it: many systems do without.",
    who: `${gunthorpe} against ${konig}`,
    answer:
      "A choice of route, never a precondition: what is mapped works without ATS, and an importer that has it should use it behind a switch.",
    rules: ["P2P-18", "P2P-19", "P2P-20"],
    proposals: [],
  },
  {
    id: "PO-12",
    position: "A driver takes every dma-buf for peer memory, as it cannot tell once it is mapped.",
    who: gunthorpe,
    answer: "Each segment says what it is, and the importer goes by that alone.",
    rules: ["P2P-16", "P2P-17"],
    proposals: [],
  },
  {
    id: "PO-13",
    position: "One more way of access is no problem as such.",
    who: vetter,
    answer: "Nothing forbids it: what it has to keep is what all of them keep, a lifetime for each location.",
    rules: ["NEG-21", "LIFE-26"],
    proposals: ["get-pfn-fenced"],
  },
  {
    id: "PO-14",
    position:
      "For one contiguous range the physical map is in effect nothing. Against it: ranges will be apart, and it is not meant to be nothing.",
    who: `${murphy} against ${gunthorpe}`,
    answer:
      "Buffers have one range or several, and no rule counts on the call doing nothing; with several each has to be linked behind the last.",
    rules: ["DMAMAP-29", "P2P-27"],
    proposals: ["mmio-phys"],
  },
  {
    id: "PO-15",
    position: "A look at the mask when mapping comes too late: what can never work has to fail the attach.",
    who: murphy,
    answer: "Attach should refuse it, and map must.",
    rules: ["ATT-06", "DMAMAP-27", "DMAMAP-03"],
    proposals: [],
  },
  {
    id: "PO-16",
    position:
      "Peer traffic mostly does not cross the IOMMU. Against it: untranslated traffic with redirect does, on some systems all of it, and root ports apart matter.",
    who: `${gunthorpe} against ${murphy}`,
    answer: "Set-ups have all of these trees, and the kind of an address follows the map type in each.",
    rules: ["P2P-21", "P2P-22", "P2P-23"],
    proposals: [],
  },
  {
    id: "PO-17",
    position: "Old DMA operations should be called as well. Against it: they think in pages and can only fail.",
    who: `${gunthorpe} against ${murphy}`,
    answer: "They fail, and cleanly: no page is looked up on the way.",
    rules: ["DMAMAP-13"],
    proposals: [],
  },
  {
    id: "PO-18",
    position:
      "What confidential computing does to an address should be undone for MMIO. Against it: nothing is right there, and mixed states must not attach.",
    who: `${gunthorpe} against ${murphy}`,
    answer:
      "MMIO addresses pass as they are, and a pair in different states is refused; without that the first map crosses the two.",
    rules: ["DMAMAP-14", "ATT-25", "P2P-36"],
    proposals: ["mmio-phys", "mmio-phys-mixed"],
  },
  {
    id: "PO-19",
    position: "Peer-to-peer with no IOMMU at all is not worth a thought; an identity domain is.",
    who: murphy,
    answer: "Set-ups have identity domains, and importers in one get their map; no exporter here is without an IOMMU.",
    rules: ["DMAMAP-15"],
    proposals: [],
  },
  {
    id: "PO-20",
    position: "Nobody seems to have thought of POWER.",
    who: murphy,
    answer: "Importers with DMA operations of an old platform are among the set-ups, and have to refuse MMIO.",
    rules: ["DMAMAP-13"],
    proposals: [],
  },
  {
    id: "PO-21",
    position: "BAR memory in general lists cannot be had in one step; a list type for DMA only is the way.",
    who: gunthorpe,
    answer: "In a list like any other the CPU touches it; with a type that the stack looks at it does not.",
    rules: ["MMUN-23", "P2P-14"],
    proposals: ["dma-list-untyped", "dma-only-list"],
  },
  {
    id: "PO-22",
    position: "Memory of users and memory of the kernel must not need two flows.",
    who: "Logan Gunthorpe and Christoph Hellwig",
    answer: "What comes by a VMA and what comes by a dma-buf is judged by the same rules on addresses and peers.",
    rules: ["MMUN-15", "P2P-22", "DMAMAP-03"],
    proposals: ["vma-p2p"],
  },
  {
    id: "PO-23",
    position:
      "A page carries an address, holds a reference and is marked dirty; what takes its place needs an answer to each, lifetime first.",
    who: `Christoph Hellwig, and ${gunthorpe}`,
    answer:
      "A lifetime for each location, addresses in the table, and nothing to be marked dirty in a BAR. Without a lifetime freed memory is reached.",
    rules: ["LIFE-26", "MAP-12", "MMUN-22"],
    proposals: ["get-pfn", "vma-p2p"],
  },
  {
    id: "PO-24",
    position:
      "Direct I/O to peers is possible only where the block stack knows that a request takes a path for DMA only.",
    who: gunthorpe,
    answer:
      "A stack that looks serves what needs no CPU and refuses the rest; one that does not touches the memory for a checksum.",
    rules: ["P2P-14", "MMUN-23"],
    proposals: ["dma-list-untyped", "dma-only-list"],
  },
  {
    id: "PO-25",
    position: "To look through all users of lists for I/O memory is worse than a second type.",
    who: gunthorpe,
    answer:
      "One path that forgets to look is enough, as the fault of a checksum that does not shows; how much work each is no run can say.",
    rules: ["MMUN-23"],
    proposals: ["dma-only-list"],
  },
  {
    id: "PO-26",
    position: "Dynamic GPU importers of today should refuse revocable buffers.",
    who: vetter,
    answer:
      "A compositor that attaches whatever it is given loses its context at the first revoke; one that says what it accepts does not.",
    rules: ["NEG-05", "NEG-06"],
    proposals: ["compositor-unasked", "compositor"],
  },
  {
    id: "PO-27",
    position: "What importers live with is a cascade of three levels. Against it: a set that the importer gives.",
    who: `${gunthorpe}, and ${vetter} in reply`,
    answer:
      "A cascade gives revocable memory to a GPU that only follows moves. A set does not, and leaves the order to the exporter.",
    rules: ["NEG-07", "NEG-14", "NEG-22"],
    proposals: ["mapping-cascade", "mapping-types"],
  },
  {
    id: "PO-28",
    position: "Revocable means no move until one revoke, which is final. Against it: VFIO takes it back.",
    who: `${vetter} against ${gunthorpe}`,
    answer:
      "Unasked, an importer for which it is final stays dead beside a device that works again; agreed on beforehand, both readings are clean.",
    rules: ["NEG-03", "NEG-10", "REV-36"],
    proposals: ["unrevoke", "unrevoke-negotiated"],
  },
  {
    id: "PO-29",
    position: "A revoked state in the core, set for good. Against it: the callback is the mechanism already.",
    who: `Leon Romanovsky; refused by ${konig}`,
    answer: "The state stops nobody who has the buffer mapped, and nothing takes it back where the exporter does.",
    rules: ["REV-07", "REV-50"],
    proposals: ["core-revoke"],
  },
  {
    id: "PO-30",
    position: "The exporter is in control: importers make no CPU mappings of their own.",
    who: konig,
    answer: "A role gets no page from which it could make one, so no run here can break it.",
    rules: ["CPU-17"],
    proposals: [],
  },
  {
    id: "PO-31",
    position: "An interface has rules of its own, not the code of one user.",
    who: `${vetter} and ${gunthorpe}`,
    answer:
      "Not a matter of programs: it is how rules are written. These name no importer, and each proposal states its own.",
    rules: ["NEG-12"],
    proposals: [],
  },
  {
    id: "PO-32",
    position: "Whether what is known of a page frame stands beside it or is looked up by it is open.",
    who: `${gunthorpe} and Christoph Hellwig`,
    answer: "Not a matter of programs: both tell the same. Here it stands in the description, which has to be true.",
    rules: ["NEG-19"],
    proposals: [],
  },
  {
    id: "PO-33",
    position:
      "A revoke that waits one second for the unmaps and warns; replaced by one that waits as long as it takes.",
    who: "review of the revoke series",
    answer:
      "A revoke returns once all is unmapped and not before. Time is logical: a run tells what hangs from what is slow, and whom it waits for.",
    rules: ["REV-07", "REV-50"],
    proposals: [],
  },
  {
    id: "PO-34",
    position: "A number that is a page or a page frame could carry the address; it was refused before.",
    who: "Christoph Hellwig",
    answer:
      "No rule needs a page or a page frame in what carries an address; whether one may be there was decided by people.",
    rules: ["MAP-12", "MAP-32"],
    proposals: [],
  },
  {
    id: "PO-35",
    position: "A lookup may ask the VMA instead of walking the page table; whether that matters is disputed.",
    who: "the thread of 2019",
    answer:
      "Either may be done, and both have to say the same. What is found by asking needs an end that outlives the VMA.",
    rules: ["MMUN-15", "MMUN-19"],
    proposals: ["vma-p2p"],
  },
  {
    id: "PO-36",
    position: "MMIO in the direct path is hardly ever run, and in a realm it fails anyway, as bouncing is forced.",
    who: murphy,
    answer:
      "Direct, with bouncing forced and in each confidential state, is drawn on purpose; mapped as memory a BAR is bounced.",
    rules: ["DMAMAP-11", "DMAMAP-15"],
    proposals: ["mmio-phys", "mmio-phys-cacheable"],
  },
];
