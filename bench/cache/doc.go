// Package cache compares the cache of verified tokens with general ones. It is a
// module of its own, so that the module itself does not depend on them.
package cache
