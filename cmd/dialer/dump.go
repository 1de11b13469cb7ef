package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dialer/campaign"
	"dialer/internal/app"
)

type exportCommand struct {
	Dir  string   `arg:"" help:"The directory to make. One that is there is refused."`
	Only []string `placeholder:"VIEW,..." help:"Only these views, as campaigns,attempts (default: all)."`
	databaseFlags
	actorFlags
}

func (c *exportCommand) Help() string {
	return `One file for each view of the schema reporting, such as attempts.csv, all of one moment; docs/reporting.md describes their columns. The files hold everybody's numbers and rows, so only who runs this may read them. The directory appears when all are whole. It takes no memory, however much there is; vacuum waits meanwhile. DuckDB reads the files as they are, and writes Parquet: COPY (FROM 'DIR/attempts.csv') TO 'attempts.parquet'. For the people of one campaign, see 'dialer campaign export'.`
}

func (c *exportCommand) Run(ctx context.Context, con console) error {
	//guard:false cmd/dialer.TestExportOfAllViews: nothing that is there is written over
	if _, err := os.Lstat(c.Dir); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is there already: name a directory that is not", c.Dir), err)
	}
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	draft, err := os.MkdirTemp(filepath.Dir(filepath.Clean(c.Dir)), "."+filepath.Base(c.Dir)+".*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft) // by then it has its own name, unless something failed
	files := viewFiles{dir: draft}
	err = app.Dump(ctx, db, c.actor(), c.Only, files.add)
	if err = errors.Join(err, files.close()); err != nil {
		return err
	}
	if err := os.Rename(draft, c.Dir); err != nil {
		return err
	}
	for _, of := range files.written {
		con.Linef("%s: %d rows\n", filepath.Join(c.Dir, of.view+".csv"), of.rows)
	}
	return nil
}

// viewFiles writes one file after the other.
type viewFiles struct {
	dir     string
	file    *os.File
	buffer  *bufio.Writer
	out     *csv.Writer
	written []writtenView
}

type writtenView struct {
	view string
	rows int // without the names of the columns
}

// add writes a row of a view. The first row, which every view has, is the names of the
// columns, and it begins the view's file.
func (f *viewFiles) add(view string, row []string) error {
	if n := len(f.written); n == 0 || f.written[n-1].view != view {
		if err := f.open(view); err != nil {
			return err
		}
	} else {
		f.written[n-1].rows++
	}
	for i := range row {
		row[i] = campaign.SafeCell(row[i])
	}
	return f.out.Write(row)
}

func (f *viewFiles) open(view string) (err error) {
	if err := f.close(); err != nil {
		return err
	}
	if f.file, err = os.OpenFile(filepath.Join(f.dir, view+".csv"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	f.buffer = bufio.NewWriter(f.file)
	f.out = csv.NewWriter(f.buffer)
	f.written = append(f.written, writtenView{view: view})
	return nil
}

func (f *viewFiles) close() error {
	if f.file == nil {
		return nil
	}
	f.out.Flush()
	err := errors.Join(f.out.Error(), f.buffer.Flush(), f.file.Close())
	f.file = nil
	return err
}
