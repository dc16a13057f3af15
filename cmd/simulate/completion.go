package main

import (
	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/models"
)

func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print a completion script for a shell",
		Long:  `Print a script that teaches a shell to complete commands, flags and names.`,
		Example: `  simulate completion bash
  simulate completion fish`,
		ValidArgs: shells,
		Args:      exactly("one shell: bash, zsh or fish"),
		RunE: a.do(func(_ *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return a.root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return a.root.GenZshCompletion(a.out)
			case "fish":
				return a.root.GenFishCompletion(a.out, true)
			}
			return &models.UnknownNameError{What: "shell", Name: args[0], Known: shells}
		}),
	}
}

func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Describe a command",
		Long:  `Describe a command with its flags and two examples.`,
		Example: `  simulate help fit
  simulate help run`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exactly("at most one COMMAND")(c, args)
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range a.root.Commands() {
				names = append(names, c.Name())
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: a.do(func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.root.Help()
			}
			c, _, err := a.root.Find(args)
			if err != nil || c == a.root {
				return a.unknownCommand(args[0])
			}
			return c.Help()
		}),
	}
}
