package dashboard

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// functions are what the templates may call.
var functions = template.FuncMap{
	"when":  func(t any) template.HTML { return when(t) },
	"money": func(d decimal.Decimal) string { return d.StringFixed(4) },
	"moneyOr": func(d decimal.NullDecimal) string {
		if !d.Valid {
			return ""
		}
		return d.Decimal.StringFixed(8)
	},
	"share": func(part, of int, name string) string {
		if of == 0 {
			return ""
		}
		return fmt.Sprintf("%.0f %% %s", 100*float64(part)/float64(of), name)
	},
	"upper": func(s string) string {
		if s == "" {
			return s
		}
		return strings.ToUpper(s[:1]) + s[1:]
	},
	"words": func(v any) string { return strings.ReplaceAll(fmt.Sprint(v), "_", " ") },
	"count": count,
}

// count writes a number with its thousands apart, exactly.
func count(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

// when is a time that the browser shows on its user's clock. A text is one that
// Postgres wrote.
func when(t any) template.HTML {
	var at time.Time
	switch t := t.(type) {
	case time.Time:
		at = t
	case string:
		at, _ = time.Parse(time.RFC3339Nano, t) // what is no time is shown as none
	}
	if at.IsZero() {
		return ""
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, at.UTC().Format(time.RFC3339), at.UTC().Format("2006-01-02 15:04:05Z")))
}
