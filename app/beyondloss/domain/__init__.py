"""Pure values and rules: what runs, probes, answers, ratings and jobs are. No I/O, no framework, no clock."""
