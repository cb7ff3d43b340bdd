import { describeCrashSchedules } from "../../support/crashScheduleSuite.ts"

describeCrashSchedules(Array.from({ length: 100 }, (_, seed) => 20 + seed))
