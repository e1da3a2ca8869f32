package oauth2

import "net/http"

// refresh serves POST /refresh, the refresh grant as the FastAPI tutorial writes
// it: the refresh token is a bearer credential, or in the body. A client
// authenticates as it does at /token.
func (s *Server) refresh(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r, true)
	if err != nil {
		return err
	}
	token, presented, err := BearerFromHeader(r.Header)
	switch {
	case err != nil:
		return err
	case presented && f["refresh_token"] != "":
		return invalidRequest("The refresh token was given in two ways")
	case !presented:
		token = f["refresh_token"]
	}
	if token == "" {
		return NotAuthenticated()
	}
	client, err := s.authenticate(r, f)
	if err != nil {
		return err
	}
	if !client.allows(GrantRefreshToken) {
		return refused(codeUnauthorizedClient, "The client may not use this grant type", nil)
	}
	res, err := s.rotate(tokenRequest{r, f, client}, token)
	if isDeadRefreshToken(err) {
		return &Error{
			Status: http.StatusUnauthorized, Code: codeInvalidGrant, Description: deadRefreshToken,
			Detail: "Could not validate credentials", Challenge: "Bearer", Cause: err,
		}
	}
	if err != nil {
		return err
	}
	writeTokens(w, r, res)
	return nil
}
