package cli

import (
	"cmp"
	"os"
	"os/user"
	"strconv"
)

// ByFlag says who makes a change, for the audit.
type ByFlag struct {
	By string `env:"DIALER_BY,USER" placeholder:"NAME" help:"Who does this, for the audit (default: the account that runs the command)."`
}

// Who is never empty: a container often has no USER.
func (f ByFlag) Who() string {
	if f.By != "" {
		return f.By
	}
	id := strconv.Itoa(os.Getuid())
	account, err := user.LookupId(id)
	if err != nil {
		return "uid " + id
	}
	return cmp.Or(account.Username, "uid "+id)
}
