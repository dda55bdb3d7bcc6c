/**
 * Rules that hunts were seen to find broken beside the bound one, by mutant: one fault often breaks several promises.
 * Added to the `also` list that stands with the mutant itself.
 */
export const bystanders: Readonly<Record<string, readonly string[]>> = {
  "ATT-04 a refusal by the exporter becomes EINVAL": ["ATT-02"],
  "MOVE-01 unrevoke sends its message after the unlock": ["REV-23"],
  "MOVE-08 the callback does not mark the mapping": ["FENCE-34"],
  "MOVE-09 jobs leave no fence in the reservation object": ["REV-02"],
  "MOVE-23 release takes down the key without the lock": ["MAP-36", "MAP-38"],
  "MOVE-32 a page table that is locked elsewhere is forgotten": ["FENCE-34"],
  "RESV-02 the unlocked map keeps the lock when it fails": ["ATT-11", "RESV-03"],
  "RESV-17 a growing list is cut at the first signaled fence": ["RESV-21", "RESV-46"],
  "RESV-19 an interrupted lock call passes for a lock": ["ATT-17", "MAP-15"],
  "RESV-21 an earlier number replaces as well": ["RESV-46"],
  "RESV-21 an equal number of another fence counts as later": ["RESV-46"],
  "RESV-31 a job is in no object": ["REV-02"],
  "RESV-36 a wait ends with the first fence": ["REV-06"],
  "RESV-49 a wait takes the lock to get a stable list": ["MOVE-28", "RESV-03"],
  "REV-05 map tests the flag and lets go of the lock before it makes the table": ["RESV-02"],
  "REV-09 the device is done later than its fence says": ["MOVE-08"],
  "REV-15 a mapping is never uncounted": ["REV-16"],
  "REV-22 unrevoke waits for unmaps": ["REV-13", "REV-14", "REV-50"],
  "REV-25 takes the buffer into use again by itself": ["ATT-17", "MAP-15", "PIN-04", "PIN-18", "REV-54"],
  "REV-37 closing the device opens its buffers again": ["ATT-23"],
  "FENCE-34 the fence signals before the last access": ["REV-10"],
  "MOVE-20 a move ends the old mappings itself": ["MOVE-11"],
  "MOVE-24 a move lets go of the lock after its invalidate": ["MAP-02", "MAP-34"],
  "MOVE-34 the callback maps anew at once": ["MOVE-17"],
  "PIN-20 one unpin drops every pin": ["ATT-05"],
  "RESV-25 a write waits for WRITE only": ["MAP-20", "RESV-26"],
  "REV-16 unmap leaves early while the buffer is revoked": ["REV-15"],
  "REV-07 nobody waits for unmaps": ["REV-32"],
};
