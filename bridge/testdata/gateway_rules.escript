#!/usr/bin/env escript
%% Writes erlang/gwport_rules.erl of bridge/internal/gateway/rules.txt: run it in the repository's folder as
%%     escript bridge/testdata/gateway_rules.escript > erlang/gwport_rules.erl
%% A test compares the two.

main([]) ->
    ok = io:setopts([{encoding, unicode}]),
    {ok, Text} = file:read_file("bridge/internal/gateway/rules.txt"),
    Rules = rules([Line || Line <- binary:split(Text, <<"\n">>, [global]), Line =/= <<>>, binary:first(Line) =/= $#]),
    io:put_chars([head(), lists:join(",\n", [rule(Rule) || Rule <- Rules]), tail()]).

rules([]) ->
    [];
rules([<<"rule: ", Id/binary>>, <<"severity: ", Severity/binary>>, <<"side: ", Side/binary>>,
        <<"checked: ", Checked/binary>>, <<"says: ", Says/binary>>, <<"hint: ", Hint/binary>> | Lines]) ->
    [{Id, Severity, Side, binary:split(Checked, <<" ">>, [global]), Says, Hint} | rules(Lines)].

rule({Id, Severity, Side, Checked, Says, Hint}) ->
    ["        #{id => <<\"", Id, "\">>, severity => ", Severity, ", side => ", Side, ",\n",
        "            checked => [", lists:join(", ", Checked), "],\n",
        "            says => <<", wrapped(Says), ">>,\n",
        "            hint => <<", wrapped(Hint), ">>}"].

%% Literals one behind another, each on a line that is not too long.
wrapped(Sentence) ->
    Pieces = pieces(string:lexemes(Sentence, " "), [], []),
    lists:join("\n                ", [["\"", escaped(Piece), "\""] || Piece <- Pieces]).

pieces([Word | Words], [], Done) ->
    pieces(Words, [Word], Done);
pieces([Word | Words], Line, Done) ->
    case iolist_size([Line, Word]) =< 70 of
        true -> pieces(Words, [Line, " ", Word], Done);
        false -> pieces(Words, [Word], [[Line, " "] | Done])
    end;
pieces([], Line, Done) ->
    lists:reverse(Done, [Line]).

escaped(Piece) ->
    [[[$\\ || C =:= $" orelse C =:= $\\], C] || <<C>> <= iolist_to_binary(Piece)].

head() ->
    "%% The rules of the gateway, for gwport_validate: what an app and who calls it owe each other.\n"
    "%% Made of bridge/internal/gateway/rules.txt, which Go reads too, by\n"
    "%% bridge/testdata/gateway_rules.escript; not to be changed by hand.\n"
    "%% @hidden\n"
    "-module(gwport_rules).\n\n"
    "-export([all/0, find/1, is_named/2]).\n\n"
    "-export_type([rule/0, id/0]).\n\n"
    "%% Words with dots between them, the first one being the subject.\n"
    "-type id() :: binary().\n"
    "%% Side is whose fault a breach is, checked where a validator looks at it.\n"
    "-type rule() :: #{id := id(), severity := error | warning, side := gateway | app,\n"
    "    checked := [go | erlang, ...], says := binary(), hint := binary()}.\n\n"
    "%% The rule of an id, which has to be one.\n"
    "-spec find(id()) -> rule().\n"
    "find(Id) ->\n"
    "    hd([Rule || Rule = #{id := Other} <- all(), Other =:= Id]).\n\n"
    "%% Whether a name stands for a rule: its id, the beginning of that up to a dot, or * for all.\n"
    "-spec is_named(Name :: binary(), id()) -> boolean().\n"
    "is_named(<<\"*\">>, _) ->\n"
    "    true;\n"
    "is_named(Name, Id) ->\n"
    "    Size = byte_size(Name),\n"
    "    case Id of\n"
    "        Name -> true;\n"
    "        <<Name:Size/binary, \".\", _/binary>> -> true;\n"
    "        _ -> false\n"
    "    end.\n\n"
    "%% In the order of that file.\n"
    "-spec all() -> [rule()].\n"
    "all() ->\n"
    "    [\n".

tail() ->
    "\n    ].\n".
