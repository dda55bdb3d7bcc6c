/**
 * Whether `first` is later than `second`: `__dma_fence_is_later` in `include/linux/dma-fence.h`.
 * 32-bit numbers use the low words and wrap; two of them exactly half the range apart are later in neither direction.
 */
export function isLaterSeqno(first: bigint, second: bigint, seqno64: boolean): boolean {
  if (seqno64) return first > second;
  return ((Number(BigInt.asUintN(32, first)) - Number(BigInt.asUintN(32, second))) | 0) > 0;
}
