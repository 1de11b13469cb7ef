package voicesim

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"dialer/voice"
)

// authorised checks the request's token and answers 401 when it will not do.
// Every path to a call goes through here first: the client's proof that an old
// request can ring nobody rests on it.
func (s *Sim) authorised(w http.ResponseWriter, r *http.Request, now time.Time) (jti string, ok bool) {
	bearer, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if found {
		claims, err := voice.VerifyToken(s.cfg.PublicKey, s.cfg.ApplicationID, bearer, now)
		if err == nil {
			return claims.ID, true
		}
		if errors.Is(err, voice.ErrTokenExpired) {
			s.stats.count(func(m *Summary) { m.ExpiredTokens++ })
		}
	}
	s.stats.refused(http.StatusUnauthorized)
	gatewayError(w, http.StatusUnauthorized)
	return "", false
}
