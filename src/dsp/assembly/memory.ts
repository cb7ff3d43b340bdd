// The memory of one instance: handed out from the bottom, never taken back. An instance serves one analysis.

/** Address of `bytes` zeroed bytes, 16-byte aligned; 0 where the instance's memory is used up. */
export function allocate(bytes: usize): usize {
  if (bytes > ((<usize>memory.size()) << 16) - <usize>top - 16) return 0
  const address = top
  top = (top + bytes + 15) & ~15
  return address
}

let top: usize = (__heap_base + 15) & ~15
