package main

import "time"

// What a contestant and a run take beyond the run's duration, as it was seen.
const (
	toStart = 800 * time.Millisecond
	toTurn  = 300 * time.Millisecond
)

// estimate is about how long the plan takes.
func (p plan) estimate() time.Duration {
	var sum time.Duration
	for _, l := range p.loads {
		for _, c := range p.takingPart(l) {
			if c.reason(l.name) == "" {
				sum += p.estimateOf(p.inRound(l, 1))
			}
		}
	}
	return sum
}

func (p plan) estimateOf(l load) time.Duration {
	rounds := time.Duration(p.rounds)
	starts := time.Duration(1)
	if l.fresh {
		starts = rounds
	}
	start := toStart
	if l.warmUp {
		start += time.Second + toTurn
	}
	return starts*start + rounds*(toTurn+l.duration(p.duration)+l.beyond)
}
