package jwtauth

import (
	"runtime"
	"runtime/debug"
	"sync"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/outdated"
)

// outdatedTold is set when the process has warned: a reload changes nothing about it.
var outdatedTold sync.Once

// warnOutdated warns, once in the life of the process, if it was built with versions that
// have known holes.
func warnOutdated(logger *zap.Logger) {
	outdatedTold.Do(func() {
		info, _ := debug.ReadBuildInfo()
		tellOutdated(logger, outdated.Check(runtime.Version(), info))
	})
}

// tellOutdated is one line of the log, whatever the number of findings.
func tellOutdated(logger *zap.Logger, findings []outdated.Finding) {
	if len(findings) == 0 {
		return
	}
	var with, take, advisories []string
	told := make(map[string]bool)
	for _, finding := range findings {
		with, take = append(with, finding.With), append(take, finding.Take)
		for _, advisory := range finding.Advisories {
			if !told[advisory] {
				told[advisory] = true
				advisories = append(advisories, advisory)
			}
		}
	}
	logger.Warn("this program is built with versions that have known security holes in what it serves: build it again with newer ones",
		zap.Strings("built_with", with), zap.Strings("take_at_least", take), zap.Strings("advisories", advisories))
}
