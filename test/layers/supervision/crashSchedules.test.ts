import { describeCrashSchedules } from "../../support/crashScheduleSuite.ts"

// More of them are in crashSchedules.heavy.ts.
describeCrashSchedules(Array.from({ length: 20 }, (_, seed) => seed))
