/** Rates of audio that lathe reads, measures and masters, Hz. Files of others are refused where they are opened. */
export const minimumSampleRate = 8000
export const maximumSampleRate = 384_000

export const isSupportedSampleRate = (sampleRate: number): boolean =>
  sampleRate >= minimumSampleRate && sampleRate <= maximumSampleRate
