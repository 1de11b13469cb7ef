package voicesim

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"dialer/voice"
)

// authorised checks the request's token and answers 401 if it is not valid. Every
// request that can make a call comes here first, because the client relies on an
// expired token being refused.
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
