package main

import (
	"dialer/campaign"
	"dialer/internal/httpapi"
)

type schemaCommand struct {
	Campaign schemaCampaignCommand `cmd:"" help:"The campaign document, which enqueue --campaign reads."`
	API      schemaAPICommand      `cmd:"" name:"api" help:"The HTTP API, as an OpenAPI document."`
}

type schemaCampaignCommand struct{}

func (schemaCampaignCommand) Run(con console) error {
	con.Printf("%s", campaign.DocumentSchema)
	return nil
}

type schemaAPICommand struct{}

func (schemaAPICommand) Run(con console) error {
	con.Printf("%s", httpapi.Document)
	return nil
}
