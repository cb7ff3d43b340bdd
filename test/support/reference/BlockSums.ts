/** What assembly/blockSums.ts computes, one sample after the other in double precision. */
export const blockSums = (left: Float32Array, right: Float32Array, length: number) => {
  const mid = new Float32Array(length)
  let [l1, r1, ll, rr, mm, ss, peak, clipped] = [0, 0, 0, 0, 0, 0, 0, 0]
  for (let i = 0; i < length; i++) {
    const l = left[i]!
    const r = right[i]!
    mid[i] = (l + r) / 2
    l1 += l
    r1 += r
    ll += l * l
    rr += r * r
    mm += (l + r) ** 2
    ss += (l - r) ** 2
    peak = Math.max(peak, Math.abs(l), Math.abs(r))
    if (Math.abs(l) >= 32767 / 32768) clipped++
    if (Math.abs(r) >= 32767 / 32768) clipped++
  }
  return { mid, sums: [l1, r1, ll, rr, mm, ss, peak, clipped] as const }
}
