import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { commit, doc, kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const vfio = "drivers/vfio/pci/vfio_pci_dmabuf.c";
const both = ["6.12.117", "7.2.13"];

export const life06: Rule = {
  id: "LIFE-06",
  level: "MUST",
  obliged: ["exporter", "caller"],
  statement:
    "A successful fd creation takes over the creator's reference: from then on closing the fd drops it and the creator does not.",
  intent: "One put too many releases the buffer under the feet of whoever holds the fd.",
  sources: [
    kernel(core, "dma_buf_fd", "6.12, 7.2"),
    kernel(vfio, "vfio_pci_core_feature_dma_buf", "6.19+"),
    run(both, "reference count unchanged by fd creation; close runs release once"),
  ],
  hints: ["Is there a put on the success path after the fd was created?"],
  status: later("LIFE"),
};

export const life07: Rule = {
  id: "LIFE-07",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "When fd creation fails, the exporter puts the buffer exactly once and leaves its private data to the release hook that this put runs.",
  intent:
    "Freeing private data in the error path as well is a double free that any process at its fd limit can trigger.",
  sources: [
    kernel(vfio, "vfio_pci_core_feature_dma_buf", "6.19+"),
    commit("VFIO: double free after a failed fd creation", "e98137f0a874"),
    run(both, "EMFILE at the fd limit: count stays 1, one release at the put"),
  ],
  hints: [
    "Does the error label after export fall through into the kfree that the earlier labels need?",
    "Does the error path put at all?",
  ],
  status: later("LIFE"),
};

export const life08: Rule = {
  id: "LIFE-08",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Looking up a buffer by fd takes one new reference, or takes none and answers EBADF for a closed fd and EINVAL for a file that is no dma-buf.",
  intent: "Treating a foreign file as a buffer lets user space choose what the kernel takes for an ops table.",
  sources: [kernel(core, "dma_buf_get", "6.12, 7.2")],
  hints: [
    "Is the file's type checked before its private pointer is read?",
    "Is the file reference dropped again when the type is wrong?",
  ],
  status: later("LIFE"),
};

export const life20: Rule = {
  id: "LIFE-20",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Everything the exporter keeps per buffer, the first revoked flag and the place on its list included, is set before the fd can be seen.",
  intent:
    "A reset that runs right after the fd appears would miss a buffer that is not on the list yet, and leave it open.",
  sources: [kernel(vfio, "vfio_pci_core_feature_dma_buf", "6.19+")],
  hints: [
    "Is the buffer put on the device's list before the fd is installed?",
    "Is the revoked flag copied from the device's state under the lock that a reset takes?",
  ],
  status: later("LIFE"),
};

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
  status: later("LIFE"),
};

export const life30: Rule = {
  id: "LIFE-30",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement:
    "Whoever gets a buffer fd can request close-on-exec in the very call that makes it, and the fd has that flag from its first instant.",
  intent:
    "Set in a second step, the flag comes too late for another thread's fork and exec, and the buffer leaks into a foreign program.",
  sources: [
    doc("Documentation/driver-api/dma-buf.rst", "userspace interface notes"),
    kernel(core, "dma_buf_fd", "6.12, 7.2"),
    run(both, "flag as asked at the first look, for the core call and the heap"),
  ],
  hints: [
    "Does your request structure have a flags field, and does O_CLOEXEC reach the fd call?",
    "Is a fixed 0 passed as flags? fastrpc does that.",
  ],
  status: later("LIFE"),
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
  status: later("LIFE"),
};

export const life33: Rule = {
  id: "LIFE-33",
  level: "MUST",
  obliged: ["exporter", "caller"],
  statement:
    "Installing the fd is the last step of an export request: if anything before it fails, such as the copy to the user, the number is given back, the reference is put and nobody ever sees the fd.",
  intent:
    "A failed request that leaves a working fd behind leaks the buffer, because its owner does not know the number.",
  sources: [
    doc(core, "dma_buf_fd_install", "7.2"),
    kernel("drivers/dma-buf/dma-heap.c", "dma_heap_ioctl", "6.12, 7.2"),
    run(both, "argument in a read-only page: the heap leaves nothing, vgem handle-to-fd leaves the fd open"),
  ],
  hints: [
    "Is the fd number reserved first and installed only after the copy-out?",
    "On failure, are both the reserved number and the reference given back?",
  ],
  status: later("LIFE"),
};

export const rules: readonly Rule[] = [life06, life07, life08, life20, life29, life30, life31, life33];
