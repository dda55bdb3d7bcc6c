import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";

export const fence23: Rule = {
  id: "FENCE-23",
  level: "MUST",
  obliged: ["framework", "fenceOwner"],
  statement:
    "Owners signal before the last reference goes, and a fence released unsignaled with callbacks queued is signaled by the framework with -EDEADLK.",
  intent: "The job will never finish after that, and its waiters must wake instead of hanging.",
  sources: [
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_release", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "queued callback sees -EDEADLK with a warning; without callbacks the release is silent",
    ),
  ],
  hints: [
    "Does teardown drop the owner's reference before it signals?",
    "Is a job freed on an error path without signaling its fence?",
  ],
  status: later("FENCE"),
};

export const fence24: Rule = {
  id: "FENCE-24",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Whoever waits for a fence or has a callback queued on it holds a reference until the wait has ended or the callback ran or was removed.",
  intent: "The waiter's list node and its wake-up live in the fence, which otherwise is freed under it.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "dma_fence_wait_timeout"),
    run(["6.12.117", "7.2.13"], "a waiter without a reference is woken by the last put"),
  ],
  hints: [
    "Is the reference taken before the reservation lock is dropped?",
    "Who drops the callback's reference: the callback itself, or the canceller, but never both?",
  ],
  status: later("FENCE"),
};

export const fence31: Rule = {
  id: "FENCE-31",
  level: "MUST",
  obliged: ["fenceOwner", "framework"],
  statement:
    "Owner code and data behind a fence stay until the last reference is gone (7.1: only until a grace period after the signal, unless the owner brings a release or wait operation of its own), and where ops are detached at the signal, name queries of a signaled fence call no owner code.",
  intent: "User space keeps signaled fences in sync files long after the driver that made them was unloaded.",
  sources: [
    doc("include/linux/dma-fence.h", "Safe external access", "7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_driver_name", "7.2"),
    kernel("drivers/dma-buf/dma-fence.c", "dma_fence_signal_timestamp_locked", "7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "7.2: ops detached for a plain fence and the stub, kept for own release, own wait, array, chain; 6.12: names always the owner's",
    ),
  ],
  hints: [
    "Does unload wait for all fences, and for a grace period, before freeing the name strings and the lock?",
    "Does the owner have a release or wait operation, so that its module must outlive every reference?",
  ],
  status: later("FENCE"),
};

export const fence48: Rule = {
  id: "FENCE-48",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "A reference from a location that others change is taken only while the count is above zero, and where fence memory may be recycled it is kept only if re-reading the location still gives the same fence.",
  intent: "Otherwise a dying fence comes back to life, or the reader waits for a stranger's fence in recycled memory.",
  sources: [
    doc("include/linux/dma-fence.h", "dma_fence_get_rcu_safe"),
    kernel("include/linux/dma-fence.h", "dma_fence_get_rcu", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "a reference asked for inside the release operation is refused"),
  ],
  hints: [
    "Is a plain get used on a pointer read without a lock?",
    "Is the pointer compared again after the count went up, and the reference dropped on a mismatch?",
  ],
  status: later("FENCE"),
};

export const rules: readonly Rule[] = [fence23, fence24, fence31, fence48];
