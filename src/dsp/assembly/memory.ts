// The memory of one instance: handed out from the bottom, and taken back all at once.

/** Address of `bytes` zeroed bytes, 16-byte aligned; 0 where the instance's memory is used up. */
export function allocate(bytes: usize): usize {
  if (bytes > ((<usize>memory.size()) << 16) - <usize>top - 16) return 0
  const address = top
  top = (top + bytes + 15) & ~15
  return address
}

/** Takes back all that was handed out, and zeroes it. */
export function release(): void {
  memory.fill(bottom, 0, top - bottom)
  top = bottom
}

const bottom: usize = (__heap_base + 15) & ~15
let top: usize = bottom
