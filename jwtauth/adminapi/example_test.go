package adminapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

// noRealms is a config without realms.
type noRealms struct{}

func (noRealms) Realm(_ context.Context, name string) (*realm.Realm, error) {
	return nil, adminapi.Error{Status: http.StatusNotFound, Err: errors.New("unknown realm " + name)}
}

func (noRealms) Check() (any, error) { return nil, nil }

func (noRealms) Explain(context.Context, url.Values) (any, error) { return nil, nil }

// The handler finds the realm by its name in the path, and answers in the form of Caddy's
// admin API.
func ExampleHandler() {
	w := httptest.NewRecorder()
	adminapi.Handler(noRealms{}, zap.NewNop()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, adminapi.Path+"staff/users", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 404 {"error":"unknown realm staff"}
}
